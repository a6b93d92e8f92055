/**
 * Attributes of what the lessons seal. `noda` keeps it out of the dictionary attack protection (TPM 2.0 library, part 1,
 * section 19.8): a TPM that loses its power after such an object was used counts that as a failed try, the third locks it,
 * and a reader of lessons restarts the machine more often than that.
 */

/** Of the key above it. */
export const PARENT = "restricted|decrypt|fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda";
/** Of the secret, which its policy alone opens. */
export const SEALED = "fixedtpm|fixedparent|noda";
