/*
 * The TPM's device as the guest's operating system finds it. `npm run acpi` compiles every variant into tpm-aml.ts;
 * acpi.ts puts the table's header before it, and base and interrupt line where REGS and INTR lie.
 *     TPM12        the identity of a TPM 1.2 instead of a 2.0's
 *     TIS_IRQ      its interrupt line; without it the driver polls
 *     TIS_BASE     where the registers are
 *
 * Physical presence: TCG PC Client Physical Presence Interface Specification 1.30, section 2; memory overwrite: TCG
 * Platform Reset Attack Mitigation Specification, section 6. The fields of the memory are those of src/device/ppi/layout.ts.
 */
#ifndef TIS_BASE
#define TIS_BASE 0xFED40000
#endif
#define PPI_BASE 0xFED45000
DefinitionBlock ("", "SSDT", 2, "WEBTPM", "WEBTPM  ", 1)
{
    Scope (\_SB)
    {
        Device (TPM0)
        {
#ifdef TPM12
            Name (_HID, EisaId ("PNP0C31"))
#else
            Name (_HID, "MSFT0101")
            Name (_STR, Unicode ("TPM 2.0 Device"))
#endif
            Name (_UID, 1)
            Name (_STA, 0x0F)
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadWrite, TIS_BASE, 0x00005000, REGS)
#ifdef TIS_IRQ
                Interrupt (ResourceConsumer, Level, ActiveLow, Exclusive, , , INTR) { TIS_IRQ }
#endif
            })

            OperationRegion (PPIM, SystemMemory, PPI_BASE + 0x100, 0x5B)
            Field (PPIM, ByteAcc, NoLock, Preserve)
            {
                PPIN, 8,
                PPIP, 32,
                PPRP, 32,
                PPRQ, 32,
                PPRM, 32,
                LPPR, 32,
                FRET, 32,
                Offset (0x59),
                NEXT, 8,
                MOVV, 8
            }

            // What the firmware says of operation Arg0. Windows refuses a reference into a SystemMemory field, so a region
            // of one byte is opened in its place.
            Method (PFNC, 1, Serialized)
            {
                If (Arg0 >= 0x100)
                {
                    Return (0)
                }
                OperationRegion (FUNC, SystemMemory, PPI_BASE + Arg0, 1)
                Field (FUNC, ByteAcc, NoLock, Preserve)
                {
                    CODE, 8
                }
                Return (CODE)
            }

            Method (_DSM, 4, Serialized)
            {
                If (Arg0 == ToUUID ("3DDDFAA6-361B-4EB4-A424-8D10089D1653"))
                {
                    // Which functions there are: 0 to 8.
                    If (Arg2 == 0)
                    {
                        Return (Buffer () { 0xFF, 0x01 })
                    }
                    // Get Physical Presence Interface Version
                    If (Arg2 == 1)
                    {
                        Return ("1.3")
                    }
                    // Submit TPM Operation Request: 0 done, 1 not supported, 2 refused
                    If (Arg2 == 2)
                    {
                        Local0 = DerefOf (Arg3 [0])
                        Local1 = PFNC (Local0)
                        If (Local1 == 0)
                        {
                            Return (1)
                        }
                        If (Local1 <= 2)
                        {
                            Return (2)
                        }
                        PPRM = 0
                        PPRQ = Local0
                        Return (0)
                    }
                    // Get Pending TPM Operation; revision 2 has its parameter too
                    If (Arg2 == 3)
                    {
                        If (Arg1 == 2)
                        {
                            Local0 = Package (3) { 0, 0, 0 }
                            Local0 [2] = PPRM
                        }
                        Else
                        {
                            Local0 = Package (2) { 0, 0 }
                        }
                        Local0 [1] = PPRQ
                        Return (Local0)
                    }
                    // Get Platform-Specific Action to Transition to Pre-OS Environment: 2, reboot
                    If (Arg2 == 4)
                    {
                        Return (2)
                    }
                    // Return TPM Operation Response
                    If (Arg2 == 5)
                    {
                        Local0 = Package (3) { 0, 0, 0 }
                        Local0 [1] = LPPR
                        Local0 [2] = PPRP
                        Return (Local0)
                    }
                    // Submit preferred user language: 3, not implemented
                    If (Arg2 == 6)
                    {
                        Return (3)
                    }
                    // Submit TPM Operation Request 2: 0 done, 1 not implemented, 3 blocked by the firmware
                    If (Arg2 == 7)
                    {
                        Local0 = DerefOf (Arg3 [0])
                        Local1 = PFNC (Local0)
                        If (Local1 == 0)
                        {
                            Return (1)
                        }
                        If (Local1 <= 2)
                        {
                            Return (3)
                        }
                        Local2 = 0
                        If ((Arg1 == 2) && (SizeOf (Arg3) > 1))
                        {
                            Local2 = DerefOf (Arg3 [1])
                        }
                        PPRM = Local2
                        PPRQ = Local0
                        Return (0)
                    }
                    // Get User Confirmation Status for Operation
                    If (Arg2 == 8)
                    {
                        Return (PFNC (DerefOf (Arg3 [0])))
                    }
                }
                If (Arg0 == ToUUID ("376054ED-CC13-4675-901C-4756D7F2D45D"))
                {
                    If (Arg2 == 0)
                    {
                        Return (Buffer () { 0x03 })
                    }
                    // Memory Clear Request: 0 done
                    If (Arg2 == 1)
                    {
                        MOVV = DerefOf (Arg3 [0])
                        Return (0)
                    }
                }
                Return (Buffer () { 0 })
            }
        }
    }
}
