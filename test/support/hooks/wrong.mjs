// No hook: nothing is exported by default.

export const hook = { filter: () => true };
