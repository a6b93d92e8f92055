/** Hands a file to the user, as a download. */
export function saveFile(name: string, content: Uint8Array<ArrayBuffer> | string, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the content over by the time that this page is idle again.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
