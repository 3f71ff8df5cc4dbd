// Tells a learning platform how far somebody has come in the workshop of the frame: SCORM
// 1.2, Run-Time Environment (ADL, 2001), the calls LMSInitialize to LMSFinish.
"use strict";

(() => {
  /** Windows that are gone through at most, and characters that a platform keeps. */
  const MOST_WINDOWS = 50;
  const MOST_KEPT = 4096;
  const frame = document.getElementById("workshop");
  const says = document.getElementById("says");
  const home = new URL(frame.src).origin;
  const began = Date.now();

  /** The platform's API stands in a window around this one, or around the one that opened it. */
  function within(start) {
    let here = start;
    for (let i = 0; here && i < MOST_WINDOWS; i++) {
      try {
        if (here.API) return here.API;
      } catch {
        return null; // another site's
      }
      if (here.parent === here) return null;
      here = here.parent;
    }
    return null;
  }
  const api = within(window) ?? (window.opener ? within(window.opener) : null);
  const isOpen = api !== null && `${api.LMSInitialize("")}` === "true";
  if (!isOpen) says.textContent = "No learning platform was found: nothing is recorded. The workshop works all the same.";

  /** Sets a value, or says which one the platform did not take. */
  function set(name, value) {
    if (`${api.LMSSetValue(name, value)}` === "true") return;
    says.textContent = `The learning platform did not take ${name} (error ${api.LMSGetLastError()}).`;
  }

  // A frame that begins anew goes on where the platform says that the person was.
  const resume = () => {
    const handed = isOpen ? api.LMSGetValue("cmi.suspend_data") : "";
    if (handed) frame.contentWindow.postMessage({ patchbay: 1, type: "resume", handed }, home);
  };
  frame.addEventListener("load", resume);

  let last = "";
  addEventListener("message", ({ source, origin, data }) => {
    if (source !== frame.contentWindow || origin !== home || data?.patchbay !== 1) return;
    if (data.type === "height") frame.style.height = `${Math.max(640, Math.min(Number(data.height) || 0, 20000))}px`;
    if (data.type !== "workshop" || !isOpen || data.handed === last) return;
    const { handed, points, of, done, steps } = data;
    // Where nothing is done yet, what the platform has is not written over.
    if (done === 0 && !last) return;
    last = handed;
    const ended = done >= steps;
    if (of > 0) {
      set("cmi.core.score.min", "0");
      set("cmi.core.score.max", "100");
      set("cmi.core.score.raw", String(Math.round((100 * points) / of)));
    }
    set("cmi.core.lesson_status", ended ? "completed" : "incomplete");
    set("cmi.core.exit", ended ? "" : "suspend");
    if (handed.length <= MOST_KEPT) set("cmi.suspend_data", handed);
    api.LMSCommit("");
  });

  let finished = false;
  addEventListener("pagehide", () => {
    if (!isOpen || finished) return;
    finished = true;
    const seconds = Math.round((Date.now() - began) / 1000);
    const two = (n) => String(n).padStart(2, "0");
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    set("cmi.core.session_time", `${two(Math.min(hours, 9999))}:${two(minutes)}:${two(seconds % 60)}`);
    api.LMSCommit("");
    api.LMSFinish("");
  });
})();
