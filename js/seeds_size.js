// In Nodes 2.0 a node grows to its content. ComfyUI sets the height anew when a solver changes, counting the inputs that
// are folded away: an empty gap. There, the least height is asked for, and the content decides.
import { app } from "../../scripts/app.js";

const NODES = ["SEEDSSampler", "SEEDSScheduler", "SEEDSKSampler", "SEEDSKSamplerAdvanced"];
const LEAST = 40;

app.registerExtension({
  name: "seeds-samplers.size",
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!NODES.includes(nodeData.name)) return;
    const { computeSize } = nodeType.prototype;
    nodeType.prototype.computeSize = function (out) {
      const size = computeSize.call(this, out);
      if (window.LiteGraph?.vueNodesMode) size[1] = LEAST;
      return size;
    };
  },
});
