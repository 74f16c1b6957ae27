// Prints how many seconds 64 ports took to join 4,096 groups each, in a switch of its own with a worker, as installed.

import { Switch } from '../src/index.ts';
import { MANY_RECEIVERS, secondsToJoin } from './joining.ts';

const taploom = await Switch.open(MANY_RECEIVERS);
const seconds = await secondsToJoin(taploom);
await taploom.close();
process.stdout.write(`${seconds}\n`);
