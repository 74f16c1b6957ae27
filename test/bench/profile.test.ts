import { expect, test } from 'vitest';
import { costs } from '../../bench/profile.ts';

const REPORT = `# Samples: 962  of event 'cycles'
#
# Overhead  Symbol                          IPC   [IPC Coverage]
# ........  ..............................  ....................
#
     3.43%  [k] finish_task_switch.isra.0   -      -
     9.12%  [.] JS:*receive file:///opt/taploom/dist/src/worker/data_plane.js:12:3      -      -
     0.73%  [.] malloc
`;

test('a profile has the largest costs first, with names that people can read', () => {
  expect(costs(REPORT)).toEqual([
    { name: 'receive data_plane.js:12:3', percent: 9.12 },
    { name: 'finish_task_switch.isra.0', percent: 3.43 },
    { name: 'malloc', percent: 0.73 },
  ]);
});
