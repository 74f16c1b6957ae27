// How reading the configuration went, at the start and at each reload: for /metrics.

export class LastLoad {
  succeeded = false;
  /** When it last did, in seconds since 1970. */
  successAt: number | undefined;

  note(succeeded: boolean): void {
    this.succeeded = succeeded;
    if (succeeded) this.successAt = Date.now() / 1000;
  }
}
