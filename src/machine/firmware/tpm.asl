/*
 * The TPM's device as the guest's operating system finds it. `npm run acpi` compiles every variant into tpm-aml.ts;
 * acpi.ts puts the table's header before it, and base and interrupt line where REGS and INTR lie.
 *     TPM12        the identity of a TPM 1.2 instead of a 2.0's
 *     TIS_IRQ      its interrupt line; without it the driver polls
 *     TIS_BASE     where the registers are
 */
#ifndef TIS_BASE
#define TIS_BASE 0xFED40000
#endif
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
        }
    }
}
