/*
 * The PC's buses and ISA devices as the guest's operating system finds them where the firmware is UEFI, which has no
 * tables of its own. `npm run acpi` compiles it into pc-aml.ts. What is here is what v86 has: a PIIX-like chip set with
 * its ISA bridge at 00:01.0, whose registers 0x60-0x63 tell where PCI's interrupts go.
 */
DefinitionBlock ("", "DSDT", 1, "WEBTPM", "WEBTPM  ", 1)
{
    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, Zero)
            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0xFF, 0, 0x100)
                IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0, 0x0CF7, 0, 0x0CF8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0x0D00, 0xFFFF, 0, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                    0, 0x000A0000, 0x000BFFFF, 0, 0x00020000)
                // From where OVMF begins to place devices, to the I/O APIC.
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                    0, 0x80000000, 0xFEBFFFFF, 0, 0x7EC00000)
            })

            // Pin n of device d goes to line (d + n - 1) modulo 4, and that where the firmware has routed it.
            Method (_PRT, 0, Serialized)
            {
                Local4 = Package (128) {}
                Local5 = Package (4) {}
                Local5 [0] = \_SB.PCI0.ISA.PRQA
                Local5 [1] = \_SB.PCI0.ISA.PRQB
                Local5 [2] = \_SB.PCI0.ISA.PRQC
                Local5 [3] = \_SB.PCI0.ISA.PRQD
                Local0 = 0
                While (Local0 < 128)
                {
                    Local1 = Local0 >> 2
                    Local2 = Local0 & 3
                    Local3 = Package (4) { 0, 0, 0, 0 }
                    Local3 [0] = (Local1 << 16) | 0xFFFF
                    Local3 [1] = Local2
                    Local3 [3] = DerefOf (Local5 [(Local1 + Local2 + 3) & 3])
                    Local4 [Local0] = Local3
                    Local0++
                }
                Return (Local4)
            }

            Device (ISA)
            {
                Name (_ADR, 0x00010000)
                OperationRegion (PIRQ, PCI_Config, 0x60, 4)
                Field (PIRQ, ByteAcc, NoLock, Preserve)
                {
                    PRQA, 8, PRQB, 8, PRQC, 8, PRQD, 8
                }

                Device (RTC)
                {
                    Name (_HID, EisaId ("PNP0B00"))
                    Name (_CRS, ResourceTemplate () { IO (Decode16, 0x70, 0x70, 1, 8) IRQNoFlags () { 8 } })
                }
                Device (KBD)
                {
                    Name (_HID, EisaId ("PNP0303"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x60, 0x60, 1, 1) IO (Decode16, 0x64, 0x64, 1, 1) IRQNoFlags () { 1 }
                    })
                }
                Device (MOU)
                {
                    Name (_HID, EisaId ("PNP0F13"))
                    Name (_CRS, ResourceTemplate () { IRQNoFlags () { 12 } })
                }
                Device (COM1)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 1)
                    Name (_CRS, ResourceTemplate () { IO (Decode16, 0x3F8, 0x3F8, 1, 8) IRQNoFlags () { 4 } })
                }
            }
        }
    }

    // Soft off: what PM1's sleep type is written with.
    Name (\_S5, Package () { 0x00, 0x00, 0x00, 0x00 })
}
