// What a client of /metrics may ask for: one of two formats (Accept) and compression (Accept-Encoding).

import { parseAccept } from 'hono/utils/accept';
import { Registry, type RegistryContentType } from 'prom-client';

const TEXT = Registry.PROMETHEUS_CONTENT_TYPE;
const OPEN_METRICS = Registry.OPENMETRICS_CONTENT_TYPE;

/** OpenMetrics for those who prefer it, in the version that there is; the older text for all others, browsers too. */
export function formatFor(accept: string | undefined): RegistryContentType {
  const wanted = parseAccept(accept ?? '').filter(({ q }) => q > 0);
  for (const { type, params } of wanted) {
    if (['text/plain', 'text/*', '*/*'].includes(type)) return TEXT;
    const { version = '1.0.0' } = params;
    if (type === 'application/openmetrics-text' && version === '1.0.0') return OPEN_METRICS;
  }
  return TEXT;
}

export function acceptsGzip(encodings: string | undefined): boolean {
  return parseAccept(encodings ?? '').some(({ type, q }) => type === 'gzip' && q > 0);
}
