// What a rule leaves alone, because something else is wrong already.

/** What cannot be judged because something else is wrong: reporting it, too, would only confuse. */
export interface Doubts {
  /** Whether a bridge is there, though the configuration may lack it. */
  bridge(name: string): boolean;
  /** Whether it is unknown if the bridge filters VLANs. */
  filtering(bridge: string): boolean;
  /** Names of ports that the bridge has and the configuration lacks. */
  ports(bridge: string): ReadonlySet<string>;
  /** Whether a security group is there, though the configuration may lack it. */
  group(name: string): boolean;
  /** The same of an access list. */
  acl(name: string): boolean;
}
