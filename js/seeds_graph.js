// What a graph says of a node, seen through reroutes, bypassed nodes and the borders of subgraphs.
import { app } from "../../scripts/app.js";

const BORDER = -10; // ComfyUI's id of the inner side of a subgraph's inputs
const BYPASSED = 4; // a node's mode
const FAR = 40; // models behind a model

const linkOf = (graph, id) => (id == null ? null : graph?.getLink?.(id) ?? graph?.links?.[id] ?? null);
export const inputOf = (node, name) => node?.inputs?.find((input) => input.name === name);

// The node that stands for a subgraph, null where several do.
function hostOf(graph) {
  const root = graph.rootGraph ?? app.graph;
  const graphs = [root, ...(root.subgraphs?.values() ?? [])];
  const hosts = graphs.flatMap((one) => one._nodes).filter((node) => node.subgraph === graph);
  return hosts.length === 1 ? hosts[0] : null;
}

// {node, slot}: the output that a link comes from; {host, input}: a subgraph's own input that nothing is connected to.
function behind(graph, link) {
  if (!link) return null;
  if (Number(link.origin_id) === BORDER) {
    const host = hostOf(graph);
    const input = host?.inputs[link.origin_slot];
    return input ? behind(host.graph, linkOf(host.graph, input.link)) ?? { host, input } : null;
  }
  const [node, slot] = [graph.getNodeById(link.origin_id), link.origin_slot];
  if (node?.subgraph) return behind(node.subgraph, linkOf(node.subgraph, node.subgraph.outputs[slot]?.linkIds?.[0]));
  if (node?.type === "Reroute") return origin(node, node.inputs[0]);
  if (node?.mode === BYPASSED) return origin(node, node.inputs.find((one) => one.type === node.outputs[slot].type));
  return node ? { node, slot } : null;
}

function origin(node, input) {
  return input ? behind(node.graph, linkOf(node.graph, input.link)) : null;
}

// The node that an input is connected to; null if that is not to be seen from here.
export const nodeAt = (node, name) => origin(node, inputOf(node, name))?.node ?? null;

// A widget's value, wherever it is set; null where a run decides.
function valueOf(node, widget) {
  const input = inputOf(node, widget.name);
  if (input?.link == null) return widget.value ?? null;
  const from = origin(node, input);
  if (from?.host) return from.host.widgets?.find((one) => one.name === from.input.name)?.value ?? null;
  return from?.node.type?.startsWith("Primitive") ? from.node.widgets?.[0]?.value ?? null : null;
}

// {name: value} of a node's widgets, or of those whose names begin so (before a dot).
export function valuesOf(node, names = null) {
  const widgets = (node.widgets ?? []).filter(
    (widget) => widget.serialize !== false && (!names || names.includes(widget.name?.split(".")[0])),
  );
  return Object.fromEntries(widgets.map((widget) => [widget.name, valueOf(node, widget)]));
}

function models({ node, slot }, far) {
  const inputs = node && far ? (node.inputs ?? []).filter((input) => input.type === "MODEL") : [];
  const before = inputs.map((input) => origin(node, input)).map((from) => from && models(from, far - 1));
  return [node?.comfyClass ?? node?.type, slot, node ? valuesOf(node) : null, before];
}

// A text that says which model an input gets: the nodes before it and their values.
export function modelKey(node, name) {
  const from = origin(node, inputOf(node, name));
  return from ? JSON.stringify(models(from, FAR)) : "";
}

// The node of an execution id: "12:5" is node 5 in the subgraph of node 12.
export function nodeOf(id) {
  let [graph, node] = [app.rootGraph ?? app.graph, null];
  for (const part of String(id).split(":")) {
    node = graph?.getNodeById?.(part) ?? graph?.getNodeById?.(Number(part));
    graph = node?.subgraph;
  }
  return node ?? null;
}
