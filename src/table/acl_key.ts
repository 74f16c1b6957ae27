// What access lists ask of a frame: values by FIELD, and where its addresses are.

import { FIELDS, NONE } from './acl_table.ts';

export class AclKey {
  readonly fields = new Int32Array(FIELDS);
  /** Of the IP header, 4 or 6; 0 = there is none. */
  version = 0;
  view: DataView;
  /** Offsets in `view`: of both addresses of IP, and of both MACs. */
  src = 0;
  dst = 0;
  macs = 0;
  /** ARP, neighbour discovery, or multicast listener discovery: without them nobody has neighbours. */
  isLink = false;

  constructor(view: DataView) {
    this.view = view;
  }

  clear(): void {
    this.fields.fill(NONE);
    this.version = 0;
    this.isLink = false;
  }
}
