/** Gives a file to the browser's downloads. */
const KEEP_MS = 60_000;

export function download(file: File): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  link.click();
  // The browser reads it after this call, without saying when it is done.
  setTimeout(() => URL.revokeObjectURL(link.href), KEEP_MS);
}
