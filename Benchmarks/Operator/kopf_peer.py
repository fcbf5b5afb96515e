"""A minimal controller of SIEModels on kopf: it sees each object and writes a Ready condition into its status.

Argument: the namespace. KUBECONFIG names the cluster. It asks nobody and registers nothing.
"""

import datetime
import sys

import kopf


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_):
    settings.posting.level = 30  # Warnings: no events about its own progress.


@kopf.on.create("sie.dev", "v1alpha1", "siemodels")
async def created(patch, meta, **_):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    patch.status["observedGeneration"] = meta["generation"]
    patch.status["conditions"] = [
        {
            "type": "Ready", "status": "True", "reason": "Routable", "message": "seen",
            "lastTransitionTime": now, "observedGeneration": meta["generation"],
        }
    ]


if __name__ == "__main__":
    kopf.configure(verbose=False)
    kopf.run(standalone=True, namespaces=[sys.argv[1]])
