/*
 * Loaded into swtpm before OpenSSL's libcrypto: its modular exponentiation of large numbers, which is nearly all of
 * the work of RSA, is done by the host. An emulated processor takes fifty times longer over it. Small exponents and
 * whatever the host cannot do stay with libcrypto.
 *
 * To the host, on file descriptor MODEXP_PORT:  u16 sizes of base, exponent, modulus (little endian), then these three
 * From the host:                                the result, as long as the modulus; numbers are big endian
 *
 * No headers of C library or OpenSSL, so that it builds with Debian's gcc -m32 alone.
 */

typedef unsigned char u8;
typedef struct bignum BIGNUM;
typedef struct context BN_CTX;
typedef struct montgomery BN_MONT_CTX;
typedef int function(BIGNUM *, const BIGNUM *, const BIGNUM *, const BIGNUM *, BN_CTX *, BN_MONT_CTX *);

extern int BN_num_bits(const BIGNUM *);
extern int BN_is_odd(const BIGNUM *);
extern int BN_is_negative(const BIGNUM *);
extern int BN_bn2binpad(const BIGNUM *, u8 *, int);
extern BIGNUM *BN_bin2bn(const u8 *, int, BIGNUM *);
extern void *dlsym(void *, const char *);

enum { SYS_read = 3, SYS_write = 4, EINTR = 4 };
enum { MODEXP_PORT = 12, HEADER = 6, MOST_BYTES = 1024 };
/* Below these, asking costs more than computing; the public exponent of an RSA key is one of 17 bits. */
enum { LEAST_MODULUS_BITS = 384, LEAST_EXPONENT_BITS = 128 };

static u8 buffer[HEADER + 3 * MOST_BYTES];

static int call(int number, int a, void *b, int c)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

static int transfer(int number, u8 *bytes, int count)
{
    while (count > 0) {
        int done = call(number, MODEXP_PORT, bytes, count);
        if (done == -EINTR)
            continue;
        if (done <= 0)
            return 0;
        bytes += done;
        count -= done;
    }
    return 1;
}

static int size(const BIGNUM *number) { return (BN_num_bits(number) + 7) / 8; }

/* Puts a number into the buffer behind what is there. Returns where it ends; 0 when it cannot go. */
static int put(int at, int field, const BIGNUM *number)
{
    int bytes = size(number);
    if (at == 0 || bytes > MOST_BYTES || BN_is_negative(number) || BN_bn2binpad(number, buffer + at, bytes) < 0)
        return 0;
    buffer[field] = bytes & 0xff;
    buffer[field + 1] = bytes >> 8;
    return at + bytes;
}

/* Returns 0 when the host did not do it. */
static int ask_host(BIGNUM *result, const BIGNUM *base, const BIGNUM *exponent, const BIGNUM *modulus)
{
    if (BN_num_bits(modulus) < LEAST_MODULUS_BITS || BN_num_bits(exponent) < LEAST_EXPONENT_BITS || !BN_is_odd(modulus))
        return 0;
    int length = size(modulus);
    int end = put(put(put(HEADER, 0, base), 2, exponent), 4, modulus);
    int done = end && transfer(SYS_write, buffer, end) && transfer(SYS_read, buffer, length) &&
               BN_bin2bn(buffer, length, result);
    for (int i = 0; i < (int)sizeof buffer; i++)
        ((volatile u8 *)buffer)[i] = 0;
    return done;
}

#define REPLACE(name)                                                                                              \
    int name(BIGNUM *r, const BIGNUM *a, const BIGNUM *p, const BIGNUM *m, BN_CTX *context, BN_MONT_CTX *mont)      \
    {                                                                                                              \
        static function *own;                                                                                      \
        if (ask_host(r, a, p, m))                                                                                  \
            return 1;                                                                                              \
        if (!own)                                                                                                  \
            own = (function *)dlsym((void *)-1 /* RTLD_NEXT */, #name);                                            \
        return own(r, a, p, m, context, mont);                                                                     \
    }

REPLACE(BN_mod_exp_mont)
REPLACE(BN_mod_exp_mont_consttime)
