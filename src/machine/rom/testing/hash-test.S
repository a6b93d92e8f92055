/*
 * For hash.test.ts: the option ROM's hash functions in a machine with nothing else. Loaded at 0x80000 and entered in
 * flat 32-bit mode; hashes V_PARTS whenever GO is set, and clears it.
 */
        .include "layout.inc"
        .set    GO, SCRATCH + 0xf0

        .code32
        .text
        .globl  _start
_start: mov     $SCRATCH + STACK_TOP, %esp
        cld
1:      cmpl    $0, GO
        je      1b
        call    hash_parts
        movl    $0, GO
        jmp     1b

        .include "hash.inc"
        .include "sha1.inc"
        .include "sha256.inc"
        .include "sha512.inc"
        .include "constants.inc"
