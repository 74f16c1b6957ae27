// Times the engine of a switch with or without access lists. Argument: its place in ACL_FEATURES.

import { ACL_FEATURES } from './acl_list.ts';
import { FeatureEngine } from './feature_engines.ts';
import { takeTurns } from './turns.ts';

const UNDISTURBED = 0.05;

takeTurns(await FeatureEngine.open(ACL_FEATURES[Number(process.argv[2])]), UNDISTURBED);
