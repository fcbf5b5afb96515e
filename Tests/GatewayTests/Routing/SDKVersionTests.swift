import Gateway
import Testing

@Suite("Client versions")
struct SDKVersionTests {
    @Test("a version is its first two numbers; anything else is none")
    func parsing() {
        #expect(SDKVersion(header: "99.42.7-beta") == SDKVersion(major: 99, minor: 42))
        #expect(SDKVersion(header: "0.10") == SDKVersion(major: 0, minor: 10))
        for text in ["unknown", "", "1", "x.1", "1.x", "-1.2", "1.-2"] { #expect(SDKVersion(header: text) == nil) }
    }

    @Test("a client two minor versions away is news once; nearer ones never are")
    func skew() {
        var skew = SDKSkew(version: "0.3.1")
        for minor in [2, 3, 4] { #expect(skew.isNews(SDKVersion(major: 0, minor: minor)) == false) }
        #expect(skew.isNews(SDKVersion(major: 0, minor: 10)) == true)
        #expect(skew.isNews(SDKVersion(major: 0, minor: 10)) == false)
        #expect(skew.isNews(SDKVersion(major: 0, minor: 1)) == true)
    }

    @Test("inventing versions does not fill the memory")
    func bound() {
        var skew = SDKSkew(version: "0.3.1")
        let news = (0..<10_000).count { skew.isNews(SDKVersion(major: 0, minor: 100 + $0)) }
        #expect(news == 1024)
    }
}
