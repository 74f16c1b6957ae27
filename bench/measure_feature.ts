// Times the engine of a switch with one feature. Argument: its place in FEATURES. Not one module with the switch, as
// measure_growth.ts is with its engine: the switch's data plane is one already.

import { FeatureEngine } from './feature_engines.ts';
import { FEATURES } from './feature_list.ts';
import { takeTurns } from './turns.ts';

takeTurns(await FeatureEngine.open(FEATURES[Number(process.argv[2])]));
