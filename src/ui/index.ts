/** Defines all elements of the page. */
import "./commands/commands.ts";
import "./console/screen.ts";
import "./console/serial.ts";
import "./eventlog/event-log.ts";
import "./machines/machines.ts";
import "./lessons/lessons.ts";
import "./pcrs/pcrs.ts";
import "./registers/registers.ts";
import "./setup/setup.ts";
import "./shell/page.ts";
import "./timeline/timeline.ts";
import "./trace/trace.ts";
