/*
 * The option ROM that carries out a request of the Physical Presence Interface, as a PC's own firmware does: SeaBIOS has
 * no part that would. It is there only at a boot for which something was asked (session/presence.ts). Firmware calls it
 * during POST, when the TPM is started and the platform's authorization is still empty, and physical presence asserted.
 * It sends the TPM's commands through the firmware's TCG interface, notes what came of them, and resets the machine:
 * the next boot is measured without it.
 *
 * Sources: TCG PC Client Physical Presence Interface Specification 1.30, section 2; TCG PC Client Implementation for
 * Conventional BIOS 1.21, section 13 (INT 1Ah, AH=BBh); TPM 2.0 Library, Part 3; TPM Main 1.2, Part 3; Plug and Play BIOS
 * Specification 1.0A, section 3.2. Operations and fields are those of src/ppi.
 *
 * Firmware calls option ROMs in big real mode, so that 32-bit addresses reach the memory above 1 MiB.
 */
        /* src/device/ppi/layout.ts */
        .set    PPI, 0xfed45000
        .set    PPRP, 0x105
        .set    PPRQ, 0x109
        .set    PPRM, 0x10d
        .set    LPPR, 0x111
        .set    FIRMWARE_FAILURE, 0xfffffff1
        .set    TPM_CODE_MASK, 0xfff

        /* TPM_INTERFACE_ID: its low digit is all ones for a TPM 1.2. */
        .set    INTERFACE_ID, 0xfed40030
        .set    TYPE_TIS13, 0x0f

        .set    SCRATCH_SEGMENT, 0x1000
        .set    V_OPERATION, 0x00
        .set    V_RESULT, 0x04
        .set    V_BANKS, 0x08
        .set    V_REQUEST, 0x100
        .set    V_COMMAND, V_REQUEST + 8        /* behind the input block's head */
        .set    V_RESPONSE, 0x800
        .set    V_ANSWER, V_RESPONSE + 4        /* behind the output block's head */
        .set    RESPONSE_MAX, 0x400

        .set    TCG_PASS_THROUGH_TO_TPM, 0xbb02
        .set    TCG_MAGIC, 0x41504354           /* "TCPA" */
        .set    DEBUG_PORT, 0x402
        .set    KEYBOARD_PORT, 0x64
        .set    PULSE_RESET, 0xfe

        .set    SET_PCR_BANKS, 23

        .code16
        .text
        .globl  _start
_start: .byte   0x55, 0xaa
        .byte   (rom_end - _start + 511) / 512
        jmp     start
        .org    0x18
        .word   0                       /* not PCI's */
        .word   plug_and_play
        .balign 16, 0
plug_and_play:                          /* without it firmware would call the ROM to boot from it only */
        .ascii  "$PnP"
        .byte   1                       /* revision */
        .byte   2                       /* 32 bytes */
        .word   0                       /* no other such header */
        .byte   0
        .byte   0xcb                    /* makes the bytes of this header add up to zero */
        .long   0                       /* device */
        .word   0, 0                    /* its makers' names */
        .byte   0, 0, 0, 0              /* type, indicators */
        .word   0, 0, 0, 0, 0           /* boots nothing */

start:  pushal
        push    %ds
        push    %es
        push    %fs
        cld
        xor     %ax, %ax
        mov     %ax, %fs
        mov     $SCRATCH_SEGMENT, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     $PPI, %ebp
        mov     %fs:PPRQ(%ebp), %eax
        test    %eax, %eax
        jz      leave
        mov     %eax, V_OPERATION
        /* First of all: a request that cannot be carried out is not to be tried at each boot. */
        movl    $0, %fs:PPRQ(%ebp)
        call    carry_out
        mov     $PPI, %ebp
        mov     V_OPERATION, %ecx
        mov     V_RESULT, %eax
        mov     %eax, %fs:PPRP(%ebp)
        mov     %ecx, %fs:LPPR(%ebp)
        mov     $said_done, %si
        test    %eax, %eax
        jz      1f
        mov     $said_failed, %si
1:      call    say
        mov     $PULSE_RESET, %al
        out     %al, $KEYBOARD_PORT
2:      hlt
        jmp     2b
leave:  pop     %fs
        pop     %es
        pop     %ds
        popal
        xor     %ax, %ax                /* boots nothing */
        lret

/* Carries V_OPERATION out; leaves what came of it in V_RESULT. */
carry_out:
        movl    $FIRMWARE_FAILURE, V_RESULT
        mov     $INTERFACE_ID, %ebx
        mov     %fs:(%ebx), %al
        and     $TYPE_TIS13, %al
        mov     $operations_tpm12, %si
        cmp     $TYPE_TIS13, %al
        je      1f
        cmpl    $SET_PCR_BANKS, V_OPERATION
        je      set_pcr_banks
        mov     $operations_tpm20, %si
1:      movzbl  %cs:(%si), %eax         /* the operation of this row; 0 ends the table */
        inc     %si
        test    %al, %al
        jz      5f
        cmp     V_OPERATION, %eax
        je      3f
2:      lodsw   %cs:(%si), %ax
        test    %ax, %ax
        jnz     2b
        jmp     1b
3:      lodsw   %cs:(%si), %ax          /* its commands, one after the other */
        test    %ax, %ax
        jz      4f
        push    %si
        mov     %ax, %si
        call    send_constant
        pop     %si
        jnc     3b
        ret
4:      movl    $0, V_RESULT
5:      ret

/* SetPCRBanks: TPM2_PCR_Allocate with all PCRs of each bank that was asked for, and none of the TPM's others. */
set_pcr_banks:
        mov     %fs:PPRM(%ebp), %eax
        mov     %eax, V_BANKS
        test    %eax, %eax
        jz      9f                      /* a TPM without any bank measures nothing */
        mov     $get_banks, %si
        call    send_constant
        jc      9f
        mov     $pcr_allocate, %si
        call    copy_constant           /* leaves di behind it */
        mov     $V_ANSWER + 15, %si     /* header, moreData, capability: the list's count follows */
        lodsl
        stosl
        bswap   %eax
        mov     %eax, %ecx
        jecxz   9f
1:      lodsw                           /* the bank's algorithm */
        stosw
        call    bank_bit                /* in edx */
        xor     %ah, %ah
        test    V_BANKS, %edx
        jz      2f
        dec     %ah
        not     %edx
        and     %edx, V_BANKS
2:      lodsb                           /* bytes of its selection */
        stosb
        movzbw  %al, %bx
        add     %bx, %si
        xchg    %ah, %al
        xchg    %cx, %bx
        rep     stosb
        mov     %bx, %cx
        loop    1b
        cmpl    $0, V_BANKS             /* a bank that this TPM does not have */
        jne     9f
        mov     %di, %cx
        sub     $V_COMMAND, %cx
        mov     %cx, %ax
        xchg    %al, %ah
        mov     %ax, V_COMMAND + 4      /* commandSize */
        call    send
        jc      9f
        cmpb    $1, V_ANSWER + 14       /* allocationSuccess */
        jne     9f
        movl    $0, V_RESULT
9:      ret

/* ax: an algorithm as it stands in a command. edx: its bit in SetPCRBanks's parameter, 0 for none. */
bank_bit:
        push    %si
        mov     $bank_bits, %si
1:      mov     %cs:2(%si), %dx
        movzwl  %dx, %edx
        test    %dx, %dx
        jz      2f
        cmp     %cs:(%si), %ax
        je      2f
        add     $4, %si
        jmp     1b
2:      pop     %si
        ret

/* Copies the command at cs:si to V_COMMAND; di: behind it, cx: its size so far. */
copy_constant:
        mov     $V_COMMAND, %di
        mov     %cs:4(%si), %cx         /* commandSize */
        xchg    %cl, %ch
        push    %cx
        rep     movsb %cs:(%si), %es:(%di)
        pop     %cx
        ret

/* Sends the command at cs:si. Carry: it was not carried out, and V_RESULT says why. */
send_constant:
        call    copy_constant

/* Sends the command at V_COMMAND, of cx bytes. Carry as above. */
send:   add     $8, %cx
        movzwl  %cx, %ecx
        mov     %ecx, V_REQUEST
        movl    $RESPONSE_MAX, V_REQUEST + 4
        mov     $V_REQUEST, %di
        mov     $V_RESPONSE, %si
        mov     $TCG_MAGIC, %ebx
        xor     %ecx, %ecx
        xor     %edx, %edx
        mov     $TCG_PASS_THROUGH_TO_TPM, %eax
        int     $0x1a
        cld
        mov     $PPI, %ebp
        test    %eax, %eax
        jnz     1f
        mov     V_ANSWER + 6, %eax      /* responseCode */
        bswap   %eax
        test    %eax, %eax
        jz      2f
        and     $TPM_CODE_MASK, %eax
        mov     %eax, V_RESULT
1:      stc
2:      ret

/* Writes the text at cs:si to the screen and to the firmware's debug port. */
say:    lodsb   %cs:(%si), %al
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

/* Rows: the operation, the commands that it consists of, 0. src/device/ppi/operations.ts has the names. */
operations_tpm20:
        .byte   5
        .word   clear_control, clear, 0
        .byte   14
        .word   clear_control, clear, 0
        .byte   21
        .word   clear_control, clear, 0
        .byte   22
        .word   clear_control, clear, 0
        .byte   24
        .word   change_eps, 0
        .byte   0
operations_tpm12:
        .byte   1
        .word   enable, 0
        .byte   2
        .word   disable, 0
        .byte   3
        .word   activate, 0
        .byte   4
        .word   deactivate, 0
        .byte   5
        .word   force_clear, 0
        .byte   6
        .word   enable, activate, 0
        .byte   7
        .word   deactivate, disable, 0
        .byte   8
        .word   owner_true, 0
        .byte   9
        .word   owner_false, 0
        .byte   10
        .word   enable, activate, owner_true, 0
        .byte   11
        .word   owner_false, deactivate, disable, 0
        .byte   14
        .word   force_clear, enable, activate, 0
        .byte   21
        .word   enable, activate, force_clear, 0
        .byte   22
        .word   enable, activate, force_clear, enable, activate, 0
        .byte   0

/* Algorithm as it stands in a command, and its bit (EFI_TCG2_BOOT_HASH_ALG). */
bank_bits:
        .word   0x0400, 0x01            /* SHA-1 */
        .word   0x0b00, 0x02            /* SHA-256 */
        .word   0x0c00, 0x04            /* SHA-384 */
        .word   0x0d00, 0x08            /* SHA-512 */
        .word   0x1200, 0x10            /* SM3-256 */
        .word   0, 0

        /* Commands, big-endian. A TPM 2.0's: for TPM_RH_PLATFORM, with its empty password. */
        .macro  platform_command code, size
        .byte   0x80, 0x02, 0, 0, 0, \size
        .byte   0, 0, \code >> 8, \code & 0xff
        .byte   0x40, 0x00, 0x00, 0x0c
        .byte   0, 0, 0, 9, 0x40, 0x00, 0x00, 0x09, 0, 0, 0x01, 0, 0
        .endm
        .macro  tpm12_command ordinal, size=10
        .byte   0x00, 0xc1, 0, 0, 0, \size
        .byte   0, 0, 0, \ordinal
        .endm

clear_control:
        platform_command 0x127, 28
        .byte   0                       /* disable: NO */
clear:  platform_command 0x126, 27
change_eps:
        platform_command 0x124, 27
pcr_allocate:
        platform_command 0x12b, 27      /* the selections follow */
get_banks:                              /* TPM2_GetCapability(TPM_CAP_PCRS) */
        .byte   0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7a
        .byte   0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1
force_clear:
        tpm12_command 0x5d
enable: tpm12_command 0x6f
disable:
        tpm12_command 0x70
activate:                               /* TPM_PhysicalSetDeactivated(FALSE) */
        tpm12_command 0x72, 11
        .byte   0
deactivate:
        tpm12_command 0x72, 11
        .byte   1
owner_true:
        tpm12_command 0x71, 11
        .byte   1
owner_false:
        tpm12_command 0x71, 11
        .byte   0

said_done:
        .asciz  "TPM: what was asked for through the Physical Presence Interface is done.\r\n"
said_failed:
        .asciz  "TPM: what was asked for through the Physical Presence Interface has failed.\r\n"

        .balign 512, 0                  /* the last byte is the checksum, filled in by assemble.ts */
rom_end:
