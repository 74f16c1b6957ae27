import { release } from 'node:os';

/** Whether the kernel is Linux `major`.`minor` or newer. */
export function hasLinux(major: number, minor: number): boolean {
  const [ours, minorOfOurs] = release().split('.').map(Number);
  return ours > major || (ours === major && minorOfOurs >= minor);
}
