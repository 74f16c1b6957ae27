// Taploom as a library. See docs/library.md.

export type {
  AggregateCounters,
  AggregateMemberStatus,
  AggregateStatus,
  BridgeStatus,
  Capture,
  CaptureDirection,
  CapturedFrame,
  CaptureOptions,
  DhcpStatus,
  DnsStatus,
  EventName,
  FdbEntry,
  FdbFilter,
  GroupWish,
  HookStatus,
  LacpEndStatus,
  LastDrop,
  LearnedStation,
  LeaseFilter,
  LeaseStatus,
  LldpChange,
  LldpCounters,
  LldpNeighbor,
  LldpPortStatus,
  MdbEntry,
  MdbFilter,
  MulticastPort,
  MulticastStatus,
  MulticastVlan,
  NamedEvent,
  NamedEvents,
  NetworkStatus,
  PollFrames,
  PollGap,
  PortCounters,
  PortStatus,
  SwitchApi,
  Trace,
  TraceCopy,
  TraceFields,
  TraceLiveOptions,
  TraceOptions,
  TraceStep,
} from './api.ts';
export type { PortState } from './compile/overlay.ts';
export type { Action, ActionResult } from './config/action.ts';
export { ConfigError, parseConfig, type SwitchConfig, type SwitchConfigInput } from './config/schema.ts';
export type { Hook, HookContext, HookFactory, HookFrame, HookOutput } from './engine/hook.ts';
export { TaploomError } from './error.ts';
export type {
  Author,
  EventFilter,
  EventSubscription,
  Events,
  SubscribeOptions,
  SwitchEvent,
} from './event.ts';
export type { FirecrackerInterface } from './hypervisor/firecracker.ts';
export type { GuestCard, Socket, VmOptions, WayIn } from './hypervisor/guest_card.ts';
export { VmCard } from './hypervisor/vm_card.ts';
export type { MemoryPort, Offload, ReceivedFrame } from './port/memory.ts';
export type { Device, DeviceLink, Plug } from './port/plug.ts';
export type { Host, Punt, PuntReason } from './protocol/host.ts';
export type { SwitchOptions } from './switch/options.ts';
export { Switch } from './switch/switch.ts';
export type { PortInput, PortPatch, SwitchPort } from './switch/switch_port.ts';
export {
  GuestTap,
  type GuestTapOptions,
  guestMac,
  type HoldOptions,
  openGuestTap,
  type VmCardOptions,
  vmCard,
} from './switch/vm_port.ts';
export type { World } from './switch/world.ts';
export { DROPS } from './table/drops.ts';
export { FakeGuest, type FakeGuestOptions, type SendOptions } from './tester/guest/fake_guest.ts';
export { BackEndError } from './tester/guest/front_end.ts';
export { LieFuzzer } from './tester/guest/lies/fuzz.ts';
export type { Lie } from './tester/guest/lies/lie.ts';
export { LIES } from './tester/guest/lies/lies.ts';
export type { ReceivedFrame as GuestFrame } from './tester/guest/receive_queue.ts';
export { DeviceError } from './tester/guest/ring.ts';
