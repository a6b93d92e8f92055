import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Pc } from "./pc.tsx";

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <Pc images="/images/manifest.json" />
  </StrictMode>,
);
