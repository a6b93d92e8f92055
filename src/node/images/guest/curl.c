/* Stands in for libcurl, which tpm2-tools links for fetching a vendor's endorsement certificate from the network.
   The guest has no network; with the real library and what it needs the image would be three times as large. */

const char *curl_easy_strerror(int code) {
  (void)code;
  return "this guest has no network";
}

void *curl_easy_init(void) { return 0; }
int curl_easy_perform(void *handle) { (void)handle; return 7; /* CURLE_COULDNT_CONNECT */ }
int curl_easy_setopt(void *handle, int option, ...) { (void)handle; (void)option; return 0; }
void curl_easy_cleanup(void *handle) { (void)handle; }
char *curl_easy_escape(void *handle, const char *text, int size) { (void)handle; (void)text; (void)size; return 0; }
char *curl_easy_unescape(void *handle, const char *text, int size, int *result) {
  (void)handle; (void)text; (void)size; (void)result;
  return 0;
}
void curl_free(void *memory) { (void)memory; }
int curl_global_init(long flags) { (void)flags; return 0; }
void curl_global_cleanup(void) {}
