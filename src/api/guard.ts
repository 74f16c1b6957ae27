// Guards of ports: which addresses are bound to them.

/** Where a binding is from: the configuration. */
export type BindingSource = 'static';
