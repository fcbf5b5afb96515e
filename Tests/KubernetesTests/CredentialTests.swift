import CurlClient
import Kubernetes
import Testing

@Suite("Credentials")
struct CredentialTests {
    @Test("a token file is read again every minute, and the old token serves while reading fails")
    func tokenFile() {
        var cache = CredentialCache<String>()
        #expect(cache.step(now: 0) == .load)
        #expect(cache.loadFailed(now: 0) == nil)
        cache.loaded("one", expiry: nil, lifetimeSeconds: 60, now: 0)
        #expect(cache.step(now: 59) == .use("one"))
        #expect(cache.step(now: 60) == .load)
        #expect(cache.loadFailed(now: 60) == "one")
        #expect(cache.step(now: 69) == .use("one"))
        #expect(cache.step(now: 70) == .load)
        cache.loaded("two", expiry: nil, lifetimeSeconds: 60, now: 70)
        #expect(cache.step(now: 71) == .use("two"))
    }

    @Test("credentials with an end are replaced ten seconds before it and never used after it")
    func expiry() {
        var cache = CredentialCache<String>()
        cache.loaded("one", expiry: 100, lifetimeSeconds: nil, now: 0)
        #expect(cache.step(now: 89) == .use("one"))
        #expect(cache.step(now: 90) == .load)
        #expect(cache.loadFailed(now: 90) == "one")
        #expect(cache.step(now: 100) == .load)
        #expect(cache.loadFailed(now: 100) == nil)
    }

    @Test("what the server refused is forgotten, unless it has been replaced already")
    func refused() {
        var cache = CredentialCache<String>()
        cache.loaded("two", expiry: nil, lifetimeSeconds: 60, now: 0)
        cache.refused("one")
        #expect(cache.step(now: 1) == .use("two"))
        cache.refused("two")
        #expect(cache.step(now: 1) == .load)
    }

    private let plugin = ExecPlugin(
        apiVersion: "client.authentication.k8s.io/v1", command: "login", providesClusterInfo: true)

    @Test("a plugin's token, certificate and end are read")
    func execAnswer() throws {
        let answer = try plugin.answer(
            Array(
                """
                {"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t",
                 "clientCertificateData":"C","clientKeyData":"K","expirationTimestamp":"2026-01-02T03:04:05Z"}}
                """.utf8))
        #expect(answer.token == "t")
        #expect(answer.identity == .pem(certificate: Array("C".utf8), key: Array("K".utf8)))
        #expect(answer.expiry == 1_767_323_045)
        #expect(
            plugin.info(server: "https://s")
                == #"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","#
                + #""spec":{"interactive":false,"cluster":{"server":"https://s"}}}"#)
    }

    @Test(
        "what a plugin prints wrongly is refused, and never quoted",
        arguments: [
            "", "secret", #"{"kind":"ExecCredential"}"#,
            #"{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"secret"}}"#,
            #"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{}}"#,
            #"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"clientKeyData":"secret"}}"#,
            #"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","#
                + #""status":{"token":"secret","expirationTimestamp":"soon"}}"#,
        ])
    func malformedExecAnswer(text: String) {
        do throws(CredentialError) {
            _ = try plugin.answer(Array(text.utf8))
            Issue.record("accepted")
        } catch {
            #expect(!error.description.contains("secret"))
            #expect(error.description.contains("login"))
        }
    }
}
