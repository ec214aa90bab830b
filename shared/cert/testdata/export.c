/* Exports a PFX as Firefox does: NSS writes it in BER, outside and inside.
 *
 *   cc -I/usr/include/nss -I/usr/include/nspr export.c -o export -lnss3 -lsmime3 -lnssutil3 -lnspr4
 *   mkdir db && NSS_MAX_MP_PBE_ITERATION_COUNT=1000 ./export db in.pfx out.pfx PASSWORD legacy|modern
 */
#include <nss.h>
#include <p12.h>
#include <p12plcy.h>
#include <pk11pub.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int ok, const char *what) {
  if (!ok) {
    fprintf(stderr, "%s: error %d\n", what, PR_GetError());
    exit(1);
  }
}

static char *no_password(PK11SlotInfo *slot, PRBool retry, void *arg) { return retry ? NULL : strdup(""); }

static PRBool convert(PRBool to, unsigned char *in, unsigned n, unsigned char *out, unsigned max, unsigned *len, PRBool swap) {
  return PORT_UCS2_UTF8Conversion(to, in, n, out, max, len);
}

static SECItem *nickname(SECItem *old, PRBool *cancel, void *arg) {
  SECItem *n = SECITEM_AllocItem(NULL, NULL, 2);
  strcpy((char *)n->data, "n");
  n->len = 1;
  *cancel = PR_FALSE;
  return n;
}

static void output(void *file, const char *b, unsigned long n) { fwrite(b, 1, n, file); }

static void import(PK11SlotInfo *slot, const char *path, const char *password) {
  static unsigned char buf[65536];
  size_t n = strlen(password);
  SECItem *utf16 = SECITEM_AllocItem(NULL, NULL, 2 * n + 2);
  memset(utf16->data, 0, utf16->len);
  for (size_t i = 0; i < n; i++) utf16->data[2 * i + 1] = password[i];
  FILE *f = fopen(path, "rb");
  check(f != NULL, path);
  n = fread(buf, 1, sizeof buf, f);
  SEC_PKCS12DecoderContext *d = SEC_PKCS12DecoderStart(utf16, slot, NULL, NULL, NULL, NULL, NULL, NULL);
  check(!SEC_PKCS12DecoderUpdate(d, buf, n) && !SEC_PKCS12DecoderVerify(d), "read");
  check(!SEC_PKCS12DecoderValidateBags(d, nickname) && !SEC_PKCS12DecoderImportBags(d), "import");
}

int main(int argc, char **argv) {
  check(argc == 6 && !NSS_InitReadWrite(argv[1]), "usage: export DB IN OUT PASSWORD legacy|modern");
  PK11_SetPasswordFunc(no_password);
  PORT_SetUCS2_ASCIIConversionFunction(convert);
  SEC_PKCS12EnableCipher(PKCS12_RC2_CBC_40, 1);
  SEC_PKCS12EnableCipher(PKCS12_DES_EDE3_168, 1);
  SEC_PKCS12EnableCipher(PKCS12_AES_CBC_128, 1);
  SEC_PKCS12EnableCipher(PKCS12_AES_CBC_256, 1);
  PK11SlotInfo *slot = PK11_GetInternalKeySlot();
  if (PK11_NeedUserInit(slot)) PK11_InitPin(slot, NULL, "");
  import(slot, argv[2], argv[4]);
  CERTCertList *list = PK11_ListCertsInSlot(slot);
  CERTCertificate *cert = CERT_LIST_HEAD(list)->cert;

  int modern = !strcmp(argv[5], "modern");
  SECItem password = {siBuffer, (unsigned char *)argv[4], strlen(argv[4])};
  SEC_PKCS12ExportContext *e = SEC_PKCS12CreateExportContext(NULL, NULL, slot, NULL);
  check(!SEC_PKCS12AddPasswordIntegrity(e, &password, modern ? SEC_OID_SHA256 : SEC_OID_SHA1), "integrity");
  SEC_PKCS12SafeInfo *keys = SEC_PKCS12CreateUnencryptedSafe(e);
  SEC_PKCS12SafeInfo *certs = SEC_PKCS12CreatePasswordPrivSafe(
      e, &password, modern ? SEC_OID_AES_128_CBC : SEC_OID_PKCS12_V2_PBE_WITH_SHA1_AND_40_BIT_RC2_CBC);
  check(keys && certs, "safes");
  check(!SEC_PKCS12AddCertAndKey(e, certs, NULL, cert, NULL, keys, NULL, PR_TRUE, &password,
                                 modern ? SEC_OID_AES_256_CBC : SEC_OID_PKCS12_V2_PBE_WITH_SHA1_AND_3KEY_TRIPLE_DES_CBC),
        "add");
  FILE *out = fopen(argv[3], "wb");
  check(out && !SEC_PKCS12Encode(e, output, out) && !fclose(out), "write");
  return 0;
}
