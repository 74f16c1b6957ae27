// Times the engine of a switch with or without security groups. Argument: its place in GROUP_FEATURES.

import { FeatureEngine } from './feature_engines.ts';
import { GROUP_FEATURES } from './group_list.ts';
import { takeTurns } from './turns.ts';

const UNDISTURBED = 0.05;
/** They are for as many as it takes to fill a second or two with new ones, and never for a full table. */
const MOST = 200_000;

const one = await FeatureEngine.open(GROUP_FEATURES[Number(process.argv[2])]);
takeTurns(
  {
    engine: one.engine,
    get copies() {
      return one.copies;
    },
    tidy: () => one.endConnections(MOST),
  },
  UNDISTURBED,
);
