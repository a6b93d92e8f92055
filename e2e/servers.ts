/** Where the servers of the tests listen: `npm test` gives free ports; a run by hand takes these. */
const port = (variable: string, usual: number) => Number(process.env[variable] ?? usual);

/** The page, as `npm start` serves it. */
export const PAGE_URL = `http://127.0.0.1:${port("WEBTPM_PORT", 5199)}`;
/** The sources, for pages of the tests that import from them. */
export const SOURCES_URL = `http://127.0.0.1:${port("WEBTPM_SOURCES_PORT", 5198)}`;
