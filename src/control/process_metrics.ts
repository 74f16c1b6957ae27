// The process metrics that every Prometheus client exports, under their usual names, read when scraped.
//
// prom-client's `collectDefaultMetrics` is not used: it starts an event-loop sampler and a garbage-collection observer
// per registry that nothing can stop, so every switch that was opened and closed would leave them behind.

import { readdirSync, readFileSync } from 'node:fs';
import type { Registry, RegistryContentType } from 'prom-client';
import { type Description, liveMetric } from './live_metric.ts';

const PAGE_SIZE = 4096;

export function processMetrics(registry: Registry<RegistryContentType>): void {
  const add = (type: Description['type'], name: string, help: string, read: () => number) =>
    liveMetric(registry, { name, help, type }, () => {
      const value = read();
      return Number.isNaN(value) ? [] : [{ value }];
    });
  const startTime = Date.now() / 1000 - process.uptime();
  const maxFds = limitOfFds();

  add(
    'counter',
    'process_cpu_user_seconds_total',
    'User CPU time in seconds.',
    () => process.cpuUsage().user / 1e6,
  );
  add(
    'counter',
    'process_cpu_system_seconds_total',
    'System CPU time in seconds.',
    () => process.cpuUsage().system / 1e6,
  );
  add('counter', 'process_cpu_seconds_total', 'User and system CPU time in seconds.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  add(
    'gauge',
    'process_start_time_seconds',
    'Start of the process in seconds since the epoch.',
    () => startTime,
  );
  add('gauge', 'process_resident_memory_bytes', 'Resident memory in bytes.', () => process.memoryUsage.rss());
  add('gauge', 'process_virtual_memory_bytes', 'Virtual memory in bytes.', virtualMemory);
  add('gauge', 'process_open_fds', 'Open file descriptors.', () => readdirSync('/proc/self/fd').length);
  add('gauge', 'process_max_fds', 'Most file descriptors that may be open.', () => maxFds);
  add(
    'gauge',
    'nodejs_heap_size_total_bytes',
    'Heap of the main thread in bytes.',
    () => process.memoryUsage().heapTotal,
  );
  add(
    'gauge',
    'nodejs_heap_size_used_bytes',
    'Used heap of the main thread in bytes.',
    () => process.memoryUsage().heapUsed,
  );
  add(
    'gauge',
    'nodejs_external_memory_bytes',
    'Memory of buffers of the main thread in bytes.',
    () => process.memoryUsage().external,
  );
}

function virtualMemory(): number {
  // proc(5): statm counts pages, the whole program first.
  return Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[0]) * PAGE_SIZE;
}

function limitOfFds(): number {
  const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return line?.[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(line?.[1]);
}
