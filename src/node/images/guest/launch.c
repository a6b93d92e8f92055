/* launch FILE: plays the processor that begins a dynamic launch (Intel's SENTER, AMD's SKINIT): the bytes of FILE go to
   the TPM's locality 4 between TPM_HASH_START and TPM_HASH_END. Registers as in the PC Client Platform TPM Profile 1.05,
   section "Locality 4". On a PC the chipset would not let a program do this. */
#include "syscalls.h"

enum { O_RDWR = 2, PROT_READ_WRITE = 3, MAP_SHARED = 1, PAGE = 0x1000, LOCALITY = 0x1000 };
enum { ACCESS = 0x00, HASH_END = 0x20, HASH_DATA = 0x24, HASH_START = 0x28, ACTIVE_LOCALITY = 0x20 };

static const unsigned long TPM_BASE = 0xfed40000;
static const long WORST_ERROR = -4095;

static int fail(const char *message) {
  print("launch: ");
  print(message);
  print("\n");
  return 1;
}

/* The registers of locality 4, or 0. */
static volatile unsigned char *map_registers(void) {
  long memory = CALL(open, "/dev/mem", O_RDWR, 0);
  if (memory < 0) return 0;
  unsigned long arguments[] = { 0, PAGE, PROT_READ_WRITE, MAP_SHARED, memory, TPM_BASE + 4 * LOCALITY };
  long mapped = CALL(mmap, arguments, 0, 0);
  return mapped >= WORST_ERROR && mapped < 0 ? 0 : (volatile unsigned char *)mapped;
}

static int work(int argc, char **argv) {
  static unsigned char data[PAGE];
  if (argc != 2) return fail("usage: launch FILE");
  long file = CALL(open, argv[1], 0, 0);
  if (file < 0) return fail("the file cannot be opened");
  volatile unsigned char *registers = map_registers();
  if (!registers) return fail("/dev/mem cannot be mapped");
  registers[HASH_START] = 0;
  if (registers[ACCESS] == 0xff || !(registers[ACCESS] & ACTIVE_LOCALITY))
    return fail("the TPM did not begin: another locality has it, or it has no FIFO interface");
  unsigned count = 0;
  for (long size; (size = CALL(read, file, data, sizeof data)) > 0; count += size)
    for (long i = 0; i < size; i++) registers[HASH_DATA] = data[i];
  registers[HASH_END] = 0;
  print("launch: ");
  print_number(count);
  print(" bytes were measured into PCR 17\n");
  return 0;
}

__attribute__((used)) static void entry(long *stack) { CALL(exit, work(stack[0], (char **)(stack + 1)), 0, 0); }

START(entry);
