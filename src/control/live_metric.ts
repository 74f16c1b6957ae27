// A metric whose values are read when they are asked for. prom-client's own counters can only be incremented and look
// every label set up by a hash of its text; ours are totals that exist elsewhere. To its registry a metric is anything
// with a name, a type, and `get`.
//
// Cost of a scrape: a sample's `shared` labels are the same object for all samples of a port, which the registry turns
// into text once and keeps by identity.

import type { Metric, Registry, RegistryContentType } from 'prom-client';

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  value: number;
  /** Name of the series where it is not that of the metric: `..._bucket`. */
  name?: string;
  /** Labels of this sample alone. */
  labels?: Labels;
  /** Labels common to many samples; the same object for each of them, now and in later scrapes. */
  shared?: Labels;
}

export interface Description {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
}

const NONE: Labels = Object.freeze({});

/** Belongs to one registry: that of OpenMetrics changes the name. */
class LiveMetric {
  name: string;
  readonly help: string;
  readonly type: Description['type'];
  readonly aggregator = 'sum';
  private readonly read: () => Sample[];

  constructor({ name, help, type }: Description, read: () => Sample[]) {
    this.name = name;
    this.help = help;
    this.type = type;
    this.read = read;
  }

  /** For `registry.getMetricsAsJSON()`. */
  async get(): Promise<unknown> {
    return this.described(({ value, name, labels, shared }) => ({
      value,
      metricName: name,
      labels: { ...labels, ...shared },
    }));
  }

  /** For `registry.metrics()`, the text. */
  async getForPromString(): Promise<unknown> {
    return this.described(({ value, name, labels = NONE, shared = NONE }) => ({
      value,
      metricName: name,
      labels,
      sharedLabels: shared,
    }));
  }

  /** There is nothing to reset: the values are not ours. */
  reset(): void {}

  private described(convert: (sample: Sample) => unknown): unknown {
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: this.read().map(convert) };
  }
}

/** `read` is called at each scrape. */
export function liveMetric(
  registry: Registry<RegistryContentType>,
  description: Description,
  read: () => Sample[],
): void {
  registry.registerMetric(new LiveMetric(description, read) as unknown as Metric);
}
