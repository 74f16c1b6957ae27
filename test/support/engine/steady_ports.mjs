// Settings of the ports of steady_state.mjs, by what is measured.

/** @returns static entries of the bridge */
export function settle(kind, ports, stations) {
  const admitted = [];
  if (kind === 'tunnelled') {
    for (let n = 0; n < 8; n += 2) {
      const tunnel = { tunnel_protocols: ['stp', 'lldp'], tunnel_protocols_limit: 10_000 };
      Object.assign(ports[`t${n}`], { vlan: { tunnel: 10 }, ...tunnel });
    }
  }
  if (kind === 'hooked') for (const port of [ports.t0, ports.t1]) port.hooks = [{ function: 'all' }];
  if (kind === 'shaped') {
    const classes = [
      { name: 'first', match: { dscp: 46 }, priority: 7, max: '10mbit' },
      { name: 'web', match: { pcp: [4, 5] }, min: '20mbit' },
    ];
    Object.assign(ports.t0, { qos: { shape: '100mbit', fair: true } });
    Object.assign(ports.t1, {
      qos: { shape: '1gbit', classes, rewrite: { dscp: 'class_selector' }, pcp_coding: '5p3d' },
    });
    Object.assign(ports.t2, {
      qos: { trust: 'none', priority: 5, police: { in: '10gbit', out: '1gbit' } },
      tenant: 'acme',
    });
    Object.assign(ports.t3, { qos: { rewrite: { dscp: { 0: 46 } } }, tenant: 'acme' });
  }
  if (kind === 'controls') {
    Object.assign(ports.t0, { locked: true });
    Object.assign(ports.t1, {
      storm_control: { unknown_unicast: { frames: 1000 }, multicast: { bits: 1000 } },
    });
    Object.assign(ports.t2, { bcast_flood: false, mcast_flood: false, sticky: true });
    Object.assign(ports.t3, { storm_control: { unknown_unicast: { bits: 1e12 } } });
    for (let station = 0; station < stations; station += 8) {
      const last = (station >>> 8).toString(16).padStart(2, '0');
      admitted.push({
        mac: `02:00:00:00:${last}:${(station & 255).toString(16).padStart(2, '0')}`,
        vlan: 10,
        port: 't0',
      });
    }
  }
  if (kind === 'guarded') {
    // There has to be a binding of each kind in the configuration; the others are written into the table.
    const bindings = [{ mac: '02:00:00:00:ff:ff' }, { mac: '02:00:00:00:ff:fe', vlan: 10 }];
    const guard = { source: 'strict', bindings };
    for (const port of Object.values(ports)) port.guard = guard;
  }
  return admitted;
}
