// Times an engine of a given size; a program of its own for each size, because a second engine in one thread makes the
// frames of both slower. Arguments: what grows, size.

import { floodEngine, vlanEngine } from './growing_engines.ts';
import { Stations } from './stations.ts';
import { type Measured, takeTurns } from './turns.ts';

const MAKERS: Record<string, (size: number) => Measured> = {
  stations: (size) => new Stations(size),
  vlans: vlanEngine,
  flood: floodEngine,
};

const [what, size] = process.argv.slice(2);
takeTurns(MAKERS[what](Number(size)));
