// What a machine is that boots from the network: IANA's processor architecture types (option 93, RFC 4578 section 2.1), and
// how its firmware names itself in option 60.

/** Firmware that loads its file by TFTP, and that which loads it by HTTP (UEFI 2.10 section 24.7), begin so. */
export const PXE_CLIENT = 'PXEClient';
export const HTTP_CLIENT = 'HTTPClient';
/** iPXE names itself in option 77. */
export const IPXE = 'iPXE';

interface Architecture {
  readonly tftp: readonly number[];
  readonly http: readonly number[];
}

/** Some firmware of x86-64 says that it runs EFI byte code (9). */
export const ARCHITECTURES = {
  bios: { tftp: [0], http: [20] },
  'efi-x86': { tftp: [6], http: [15] },
  'efi-x86_64': { tftp: [7, 9], http: [16] },
  'efi-arm64': { tftp: [11], http: [19] },
  'efi-riscv64': { tftp: [27], http: [28] },
} as const satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof ARCHITECTURES;
