/** The few signs that the page uses, drawn here so that nothing is fetched from elsewhere. */
import { type SVGTemplateResult, svg } from "lit";

const icon = (shape: SVGTemplateResult) =>
  svg`<svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.6"
    stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${shape}</svg>`;

export const ICONS = {
  play: icon(svg`<path d="M5 3.2v9.6l7.6-4.8z" fill="currentColor"/>`),
  pause: icon(svg`<path d="M5.5 3.5v9M10.5 3.5v9" stroke-width="2.4"/>`),
  reset: icon(svg`<path d="M13 8a5 5 0 1 1-1.6-3.7M13 2.5v2.8h-2.8"/>`),
  sun: icon(
    svg`<circle cx="8" cy="8" r="3"/><path d="M8 1.2v1.3M8 13.5v1.3M1.2 8h1.3M13.5 8h1.3M3.2 3.2l.9.9M11.9 11.9l.9.9M12.8 3.2l-.9.9M4.1 11.9l-.9.9"/>`,
  ),
  moon: icon(svg`<path d="M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z"/>`),
  copy: icon(
    svg`<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 2.5h-6a2 2 0 0 0-2 2v6"/>`,
  ),
  check: icon(svg`<path d="M3 8.5l3.2 3.2L13 5"/>`),
  close: icon(svg`<path d="M4 4l8 8M12 4l-8 8"/>`),
  chip: svg`<svg width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.7"
    stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
    <rect x="5.5" y="5.5" width="13" height="13" rx="2"/>
    <path d="M9 5.5V2.5M15 5.5V2.5M9 21.5v-3M15 21.5v-3M5.5 9h-3M5.5 15h-3M21.5 9h-3M21.5 15h-3"/>
    <path d="M10 12.2v-1.4a2 2 0 0 1 4 0v1.4"/><rect x="9" y="12" width="6" height="4" rx="0.8" fill="currentColor"/>
  </svg>`,
} as const;
