import type { Command } from 'commander';

export interface Leaf {
  /** `port add` */
  readonly path: string;
  /** `--vni`, or `-V,` where there is a short one too. */
  readonly options: readonly string[];
}

/** The commands that have none below them, read from commander and not by way of our grammar; hidden ones aside. */
export function leaves(command: Command, path: readonly string[] = []): Leaf[] {
  const children = command.commands.filter((child) => child.name() !== 'names');
  if (children.length > 0) return children.flatMap((child) => leaves(child, [...path, child.name()]));
  const options = command.options.map(({ long, short }) => (long ?? short) as string);
  return [{ path: path.join(' '), options }];
}
