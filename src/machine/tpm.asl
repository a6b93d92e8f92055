/*
 * The device that acpi.ts makes, in source form; acpi.test.ts compiles it and compares the bytes.
 *     iasl tpm.asl                 for TPM 2.0
 *     iasl -DTPM12 tpm.asl         for TPM 1.2
 */
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
                Memory32Fixed (ReadWrite, 0xFED40000, 0x00005000)
            })
        }
    }
}
