// With these two the TPM's registers get a thread of their own; without them it works as well.
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default {
  optimizeDeps: { exclude: ["webtpm"] },
  build: { target: "es2022" },
  server: { host: "127.0.0.1", headers },
  preview: { host: "127.0.0.1", headers },
};
