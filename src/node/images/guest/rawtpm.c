/* rawtpm COMMAND COUNT: sends one TPM command COUNT times through /dev/tpm0 and prints a line before and after, so
   that whoever listens on the serial port can time it by the host's clock. COMMAND is GetRandom (16 bytes), PCR_Read
   (PCRs 0 to 7 of the SHA-256 bank; PCR 0 on a TPM 1.2) or PCR_Extend (PCR 16). Commands as in the TPM 2.0 Library
   Specification, Part 3, and the TPM 1.2 Main Specification, Part 3. */
#include "syscalls.h"

enum { O_RDWR = 2, MAX_COMMAND = 80 };

#define U16(value) (unsigned char)((value) >> 8), (unsigned char)(value)
#define U32(value) U16((value) >> 16), U16((value) & 0xffff)
#define DIGEST20 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20
#define DIGEST32 DIGEST20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32

static const struct command {
  const char *name;
  char version;
  unsigned size;
  unsigned char bytes[MAX_COMMAND];
} commands[] = {
  /* TPM_ST_NO_SESSIONS, size, TPM2_CC_GetRandom, bytesRequested */
  { "GetRandom", '2', 12, { U16(0x8001), U32(12), U32(0x17b), U16(16) } },
  /* TPM2_CC_PCR_Read, one selection: SHA-256, three bytes of bits */
  { "PCR_Read", '2', 20, { U16(0x8001), U32(20), U32(0x17e), U32(1), U16(0x000b), 3, 0xff, 0, 0 } },
  /* TPM_ST_SESSIONS, TPM2_CC_PCR_Extend, PCR 16, an empty password session, one SHA-256 digest */
  { "PCR_Extend", '2', 65, { U16(0x8002), U32(65), U32(0x182), U32(16), U32(9), U32(0x40000009), U16(0), 0, U16(0),
                             U32(1), U16(0x000b), DIGEST32 } },
  /* TPM_TAG_RQU_COMMAND, size, ordinal, parameters */
  { "GetRandom", '1', 14, { U16(0x00c1), U32(14), U32(0x46), U32(16) } },
  { "PCR_Read", '1', 14, { U16(0x00c1), U32(14), U32(0x15), U32(0) } },
  { "PCR_Extend", '1', 34, { U16(0x00c1), U32(34), U32(0x14), U32(16), DIGEST20 } },
};

static const struct command *find(const char *name, char version) {
  for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
    if (commands[i].version == version && equal(commands[i].name, name)) return &commands[i];
  return 0;
}

static unsigned number(const char *text) {
  unsigned value = 0;
  while (*text >= '0' && *text <= '9') value = value * 10 + (*text++ - '0');
  return value;
}

static void mark(const char *what, const char *name, unsigned count) {
  print("rawtpm ");
  print(what);
  print(" ");
  print(name);
  print(" ");
  print_number(count);
  print("\n");
}

/* The response code, or -1 when the device did not take the command or gave less than a header. */
static long execute(long device, const struct command *command) {
  static unsigned char response[4096];
  if (CALL(write, device, command->bytes, command->size) != (long)command->size) return -1;
  if (CALL(read, device, response, sizeof response) < 10) return -1;
  return (long)response[6] << 24 | response[7] << 16 | response[8] << 8 | response[9];
}

static int fail(const char *message) {
  print("rawtpm failed: ");
  print(message);
  print("\n");
  return 1;
}

static int work(int argc, char **argv) {
  if (argc != 3) return fail("usage: rawtpm GetRandom|PCR_Read|PCR_Extend COUNT");
  const struct command *command = find(argv[1], first_byte(TPM_VERSION_FILE));
  if (!command) return fail("no such command, or no TPM");
  long device = CALL(open, "/dev/tpm0", O_RDWR, 0);
  if (device < 0) return fail("/dev/tpm0 cannot be opened");
  unsigned count = number(argv[2]);
  mark("start", command->name, count);
  for (unsigned i = 0; i < count; i++)
    if (execute(device, command) != 0) return fail("the TPM answered with an error");
  mark("end", command->name, count);
  return 0;
}

__attribute__((used)) static void entry(long *stack) { CALL(exit, work(stack[0], (char **)(stack + 1)), 0, 0); }

START(entry);
