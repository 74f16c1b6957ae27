// What `taploom top` shows of a port, for the screen and for --sort and --filter.

import { si } from '../amount.ts';
import type { Column } from '../list.ts';
import type { PortRates } from '../rates.ts';

const rate = (title: string, value: Column<PortRates>['value']): Column<PortRates> => ({
  title,
  value,
  text: (port) => {
    const number = value(port);
    return typeof number === 'number' ? si(number) : '-';
  },
  right: true,
});

export const TOP_COLUMNS = {
  port: { title: 'PORT', value: ({ status }) => status.name },
  bridge: { title: 'BRIDGE', value: ({ status }) => status.bridge },
  state: { title: 'STATE', value: ({ status }) => status.state },
  rx: rate('RX f/s', ({ rx }) => rx),
  rx_bits: rate('RX bps', ({ rxBits }) => rxBits),
  tx: rate('TX f/s', ({ tx }) => tx),
  tx_bits: rate('TX bps', ({ txBits }) => txBits),
  drops: rate('DROP/s', ({ rxDrops, txDrops }) =>
    rxDrops === undefined || txDrops === undefined ? undefined : rxDrops + txDrops,
  ),
  lost: rate('LOST/s', ({ lost }) => lost),
  traffic: rate('TRAFFIC', ({ history }) => history.at(-1)),
} satisfies Record<string, Column<PortRates>>;

export type TopColumn = keyof typeof TOP_COLUMNS;
export const TOP_NAMES = Object.keys(TOP_COLUMNS) as TopColumn[];
