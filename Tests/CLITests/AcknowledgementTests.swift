import CLI
import Testing

@Suite struct AcknowledgementTests {
    private func missing(_ body: String, status: Int = 200, workers: Int = 1) -> String? {
        Acknowledgement.missing(status: status, body: Array(body.utf8), workers: workers)
    }

    private func document(acked: [String], pending: [String]) -> String {
        let list = { (names: [String]) in names.map { "\"\($0)\"" }.joined(separator: ",") }
        let isAcked = !acked.isEmpty && pending.isEmpty
        return """
            {"model_id":"org/m","config_epoch":0,"all_bundles_acked":\(isAcked),"no_bundles":false,"bundles":[
             {"bundle_id":"default","expected_bundle_config_hash":"26","total_eligible_workers":2,
              "acked_workers":[\(list(acked))],"pending_workers":[\(list(pending))],"acked":\(isAcked)}],
             "source":"gateway-registry"}
            """
    }

    @Test("nothing is missing when as many workers as were started acknowledge the bundle")
    func acknowledged() {
        #expect(missing(document(acked: ["worker-1"], pending: [])) == nil)
        #expect(missing(document(acked: ["worker-1", "worker-2"], pending: []), workers: 2) == nil)
    }

    @Test("a worker that was not seen yet, or has another configuration, is missing")
    func pending() {
        #expect(
            missing(document(acked: ["worker-1"], pending: []), workers: 2)
                == "1 of 2 workers acknowledge bundle default")
        #expect(
            missing(document(acked: [], pending: ["worker-1"]))
                == "0 of 1 workers acknowledge bundle default; pending: worker-1")
    }

    @Test("other answers are told as they are")
    func otherAnswers() {
        #expect(missing("gone", status: 404) == "the gateway answers 404: gone")
        #expect(missing("{}")?.hasPrefix("the gateway's answer is not a status document") == true)
        #expect(
            missing(#"{"all_bundles_acked":false,"no_bundles":true,"bundles":[]}"#)
                == "the gateway knows no bundle for the model")
    }
}
