// Tenants: what they have, and may have.

/** A tenant. */
export interface TenantStatus {
  name: string;
  ports: string[];
  groups: string[];
  /** Networks, as `br0` or `br0.10`. */
  networks: string[];
  /** What counts for its quotas. */
  used: { ports: number; addresses: number; rules: number; connections: number };
  /** As the configuration has them; absent: as much as it likes. */
  quotas: {
    ports?: number;
    addresses?: number;
    rules?: number;
    connections?: number;
    bandwidth?: string;
    shape?: string;
  };
  /** Frames beyond its bandwidth, that its ports sent and that they would have got. */
  dropped: { in: number; out: number };
}
