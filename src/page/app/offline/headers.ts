/** The headers that a page is to come with, on a host that sends none of them (`src/node/tools/page-headers.ts`). */

/** The same response with the headers that it lacked: a host that sends them knows better. */
export function withHeaders(response: Response, wanted: Readonly<Record<string, string>>): Response {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(wanted)) if (!headers.has(name)) headers.set(name, value);
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
