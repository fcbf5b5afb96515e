import CLI
import Catalog
import Testing

@Suite struct ModelFileCheckTests {
    private static let adapter = "sie_server.adapters.st:A"
    private static let bundle = Bundle(id: "default", adapters: ["sie_server.adapters.st"])

    private static func model(_ id: String = "acme/m", tokens: Int = 1) -> String {
        """
        sie_id: \(id)
        hf_id: acme/m
        tasks: {encode: {dense: {dim: 4}}}
        profiles:
          default:
            adapter_path: \(adapter)
            max_batch_tokens: \(tokens)

        """
    }

    private func findings(
        _ text: String, path: String = "configs/models/acme__m.yaml", bundles: [Bundle]? = [bundle]
    ) -> [String] {
        var check = ModelFileCheck(bundles: bundles)
        return check.findings(path: path, bytes: Array(text.utf8)).map(\.plainText)
    }

    @Test("a good file has nothing said about it")
    func good() {
        #expect(findings(Self.model()) == [])
        #expect(findings(Self.model(), bundles: nil) == [])
    }

    @Test(
        "what the service refuses is an error at its line and column",
        arguments: [
            ("sie_id: acme/m\nprofiles:\n\tx: 1\n", "configs/models/acme__m.yaml:3:1: error: parse_error"),
            ("- a\n", "configs/models/acme__m.yaml:1:1: error: parse_error: the file must be a YAML mapping"),
            ("# nothing\n", "error: parse_error: the file must be a YAML mapping, but is null"),
            ("profiles: {}\n", "error: validation_error: Missing required field: sie_id"),
            ("x: 1\nsie_id: a b\n", "configs/models/acme__m.yaml:2:1: error: invalid_model_id"),
            (
                "sie_id: a__b\n",
                "configs/models/acme__m.yaml:1:1: error: validation_error: sie_id must not contain '__'"
            ),
            ("sie_id: acme/m\n", "error: validation_error: Missing required field: profiles"),
            (
                "sie_id: acme/m\nprofiles:\n  default: {adapter_path: 'nowhere:A'}\n",
                "configs/models/acme__m.yaml:2:1: error: validation_error: Adapter(s) not in any known bundle: nowhere"
            ),
            (
                "sie_id: acme/m\nprofiles:\n  fast: {adapter_path: 7}\n",
                "configs/models/acme__m.yaml:3:10: error: validation_error: adapter_path of profile 'fast'"
            ),
        ])
    func refused(text: String, expected: String) {
        let findings = findings(text)
        #expect(findings.contains { $0.contains(expected) }, "\(findings)")
    }

    @Test("a file over 1 MiB is refused, one of 1 MiB is not")
    func size() {
        let text = Self.model()
        let padding = String(repeating: "#", count: (1 << 20) - text.utf8.count)
        #expect(findings(text + padding) == [])
        #expect(findings(text + padding + "#").first?.contains("payload_too_large") == true)
    }

    @Test("what workers refuse, keys that stand twice and wrong names are warnings")
    func warnings() {
        #expect(
            findings(Self.model() + "surprise: 1\n") == [
                "configs/models/acme__m.yaml:8:1: warning: workers refuse this: surprise: unknown key"
            ])
        #expect(
            findings(Self.model() + "hf_id: acme/other\n").contains {
                $0.hasPrefix("configs/models/acme__m.yaml:8:1: warning:") && $0.contains("the last one counts")
            })
        #expect(
            findings(Self.model(), path: "models/other.yaml")
                == ["models/other.yaml: warning: the model 'acme/m' is expected in a file 'acme__m.yaml'"])
    }

    @Test("files are one catalogue: two that contradict each other are an error, two that agree are not")
    func together() {
        var check = ModelFileCheck(bundles: nil)
        #expect(check.findings(path: "a/acme__m.yaml", bytes: Array(Self.model().utf8)).isEmpty)
        #expect(check.findings(path: "b/acme__m.yaml", bytes: Array(Self.model().utf8)).isEmpty)
        let conflict = check.findings(path: "c/acme__m.yaml", bytes: Array(Self.model(tokens: 2).utf8))
        #expect(
            conflict.map(\.plainText) == [
                "c/acme__m.yaml:5:3: error: content_conflict: the profile 'default' is known with another content"
            ])
    }

    @Test("an annotation carries its place for GitHub too")
    func place() {
        var check = ModelFileCheck(bundles: nil)
        let finding = check.findings(path: "a.yaml", bytes: Array("sie_id: a b\n".utf8)).first
        #expect(finding?.workflowCommand.hasPrefix("::error file=a.yaml,line=1,col=1::invalid_model_id") == true)
    }
}
