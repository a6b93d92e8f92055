/*
 * The measuring option ROM for a direct boot: kernel, initrd and command line already lie in memory, where
 * direct-boot.ts puts them. Before the kernel starts, this ROM measures all three into the TPM through the
 * firmware's TCG interface, with an entry each in the firmware's event log:
 *
 *     PCR 9  EV_IPL  the kernel's file          data: its name
 *     PCR 8  EV_IPL  the command line           data: "kernel_cmdline: " and the command line
 *     PCR 9  EV_IPL  the initrd's file          data: its name
 *
 * as GRUB does on EFI machines. With no TPM, or without the parameter file, the kernel starts unmeasured.
 *
 * Source of the interface: TCG PC Client Implementation for Conventional BIOS 1.21, section 13 (INT 1Ah, AH=BBh).
 * SeaBIOS 1.16.2 measures by itself (TCG_HashLogExtendEvent) only into a TPM 1.2: for a TPM 2.0 it sends a command
 * without a list of digests, which the TPM refuses. So for TPM 2.0 the extend goes through TCG_PassThroughToTPM,
 * with one digest for each bank that the log's header lists, and the event is written to the log here.
 *
 * Assembled to a flat binary at address 0 (rom-build.ts); addresses within the ROM are offsets in its segment.
 */

        .include "layout.inc"

        .code16
        .text
        .globl  _start
_start: .byte   0x55, 0xaa
        .byte   (rom_end - _start + 511) / 512
        jmp     start
        .org    0x18
        .word   0, 0                    /* neither PCI nor Plug and Play: firmware calls it before booting a disk */
        .ascii  "WebTPM direct boot\0"

start:  cli
        cld
        mov     $SCRATCH_SEGMENT, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        mov     $STACK_TOP, %esp
        call    make_descriptors
        sti
        call    read_parameters
        jc      1f
        call    find_tpm
        jc      2f
        mov     $inspect_memory, %bx
        call    run32
        call    measure_all
        jc      3f
        mov     $said_measured, %si
        jmp     4f
1:      mov     $said_no_parameters, %si
        jmp     4f
2:      mov     $said_no_tpm, %si
        jmp     4f
3:      mov     $said_failed, %si
4:      call    say

        /* As the boot protocol has it (section "Running the kernel"). */
        cli
        mov     $SETUP_SEGMENT, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %fs
        mov     %ax, %gs
        mov     %ax, %ss
        mov     $SETUP_HEAP_END, %esp
        ljmp    $SETUP_SEGMENT + 0x20, $0

/* Writes the text at cs:si to the screen and to the firmware's debug port. */
say:    lods    %cs:(%si), %al
        test    %al, %al
        jz      2f
        cmp     $'\r', %al
        je      1f
        mov     $DEBUG_PORT, %dx
        outb    %al, %dx
1:      mov     $0x0e, %ah
        mov     $7, %bx
        int     $0x10
        jmp     say
2:      ret

/* Measures kernel, command line and initrd. Carry: the TPM or the firmware refused. */
measure_all:
        mov     $P_NAMES, %si
        call    take_text
        push    %si
        movl    $PCR_FILES, V_PCR
        mov     V_SETUP_SIZE, %eax
        movl    $SETUP_COPY, V_PARTS
        mov     %eax, V_PARTS + 4
        movl    $KERNEL, V_PARTS + 8
        mov     P_KERNEL_SIZE, %ecx
        sub     %eax, %ecx
        mov     %ecx, V_PARTS + 12
        call    measure
        pop     %si
        jc      1f

        push    %si
        call    take_command_line
        movl    $PCR_COMMAND_LINE, V_PCR
        call    measure
        pop     %si
        jc      1f

        call    take_text
        push    %ds
        mov     $SETUP_SEGMENT, %ax
        mov     %ax, %ds
        mov     HDR_RAMDISK_IMAGE, %eax
        mov     HDR_RAMDISK_SIZE, %ecx
        pop     %ds
        clc
        jecxz   1f                      /* no initrd */
        movl    $PCR_FILES, V_PCR
        call    one_part
        call    measure
1:      ret

/* eax: address, ecx: size of the one part to be hashed. */
one_part:
        mov     %eax, V_PARTS
        mov     %ecx, V_PARTS + 4
        movl    $0, V_PARTS + 12
        ret

/* Copies the text at ds:si with its zero to V_TEXT; leaves si after it. */
take_text:
        mov     $V_TEXT, %di
1:      lodsb
        stosb
        test    %al, %al
        jnz     1b
        jmp     text_taken

/* Makes V_TEXT from the command line, and the command line itself, without its zero, the part to be hashed. */
take_command_line:
        mov     $command_line_prefix, %si
        mov     $V_TEXT, %di
1:      lods    %cs:(%si), %al
        stosb
        test    %al, %al
        jnz     1b
        dec     %di
        mov     %di, %dx                /* where the command line begins */
        push    %ds
        mov     $SETUP_SEGMENT, %ax
        mov     %ax, %ds
        mov     HDR_CMD_LINE_PTR, %ebx
        lea     -SETUP(%ebx), %esi
2:      lodsb
        stosb
        test    %al, %al
        jz      3f
        cmp     $V_TEXT + LONGEST_TEXT, %di
        jb      2b
        movb    $0, %es:(%di)
        inc     %di
3:      pop     %ds
        movzwl  %di, %ecx
        sub     %dx, %cx
        dec     %ecx
        mov     %ebx, %eax
        call    one_part
text_taken:
        sub     $V_TEXT, %di
        movzwl  %di, %edi
        mov     %edi, V_TEXT_SIZE
        ret

        .include "measure.inc"
        .include "fw-cfg.inc"
        .include "modes.inc"

        .code32
        .include "memory.inc"
        .include "hash.inc"
        .include "sha1.inc"
        .include "sha256.inc"
        .include "sha512.inc"
        .include "constants.inc"

command_line_prefix:
        .asciz  "kernel_cmdline: "
said_measured:
        .asciz  "Kernel, command line and initrd are measured into PCR 8 and 9.\r\n"
said_no_tpm:
        .asciz  "No TPM: the kernel starts unmeasured.\r\n"
said_no_parameters:
        .asciz  "No parameters for the direct boot: the kernel starts unmeasured.\r\n"
said_failed:
        .asciz  "The TPM refused a measurement: PCR 8 and 9 do not vouch for this kernel.\r\n"

        .balign 512, 0                  /* the last byte is the checksum, filled in by rom-build.ts */
rom_end:
