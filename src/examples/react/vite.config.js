import react from "@vitejs/plugin-react";

export default {
  plugins: [react()],
  optimizeDeps: { exclude: ["webtpm"] },
  build: { target: "es2022" },
  server: { host: "127.0.0.1" },
  preview: { host: "127.0.0.1" },
};
