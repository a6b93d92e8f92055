/** Defines the elements of the page, but for those that come with their panes (`shell/panes.ts`). */
import "./console/screen.ts";
import "./console/serial.ts";
import "./pcrs/pcrs.ts";
import "./setup/setup.ts";
import "./shell/page.ts";
