// Controls of a port that need each other.

import type { Problem } from './config_error.ts';
import type { Path } from './path.ts';
import type { PortConfig } from './port_shape.ts';

export function checkPortControls(path: Path, port: PortConfig, problems: Problem[]): void {
  const report = (key: string, message: string) => problems.push({ path: [...path, key], message });
  if (port.mab && !port.locked)
    report('mab', 'only a locked port asks who its stations are: set its locked to true');
  if (port.loop_detection && port.type === 'vxlan')
    report(
      'loop_detection',
      'a tunnel has no network of its own behind it: its remotes look for their loops',
    );
  if (port.fdb_limit_action !== 'ignore' && port.fdb_limit === undefined) {
    const message = `${port.fdb_limit_action} is what happens beyond a limit of the port: set its fdb_limit`;
    report('fdb_limit_action', message);
  }
}
