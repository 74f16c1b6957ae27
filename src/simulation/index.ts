// A network of switches on a virtual clock: `taploom/simulation`. See docs/simulation.md.

export type { LinkCounters, LinkOptions } from './direction.ts';
export type { Link } from './link.ts';
export type { Recording, Step } from './recording.ts';
export { Simulation, type SimulationOptions } from './simulation.ts';
export type { Arrival, PlayOptions, Station } from './station.ts';
