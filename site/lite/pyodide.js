// Stands where the kernel looks for Pyodide, loads it from its CDN, and points it to the packages beside this file.
importScripts("CDN/pyodide.js");
const loadFromCdn = self.loadPyodide;
self.loadPyodide = async (options) => {
  const here = options.indexURL;
  const lock = await (await fetch(`${here}pyodide-lock.json`)).json();
  for (const entry of Object.values(lock.packages)) {
    const home = entry.file_name.startsWith("wheels/") ? here : "CDN/";
    entry.file_name = new URL(entry.file_name, home).href;
  }
  const lockFileURL = URL.createObjectURL(new Blob([JSON.stringify(lock)], { type: "application/json" }));
  return loadFromCdn({ ...options, indexURL: "CDN/", lockFileURL });
};
