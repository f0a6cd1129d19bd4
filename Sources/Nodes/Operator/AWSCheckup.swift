import Actors
import FoundationEssentials
import Glibc
import Logging
import Transport

/// What `anb doctor` looks at in AWS: who asks, and whether each permission that nodes need is there. Leaves nothing.
struct AWSCheckup: Sendable {
    let configuration: NodeConfiguration

    func run() async -> [Check] {
        var logger = Logger(label: "anb")
        logger.logLevel = .critical
        let services: AWSServices?
        do { services = try AWSServices(configuration, logger: logger) } catch {
            return [Check("aws", .failed, "\(error)")]
        }
        guard let services else { return [] }
        var checks: [Check] = []
        do throws(AWSCredentialError) {
            let found = try await services.credentials.credentials()
            let end = found.expiresAt.map { ", until \($0.rfc3339)" } ?? ""
            checks.append(Check("credentials", .ok, "\(found.accessKeyID) of \(found.source)\(end)"))
            checks += await bucket(services) + queues(services)
            for step in services.provisioning { checks.append(Self.check(await step.carryOut(isDry: true))) }
        } catch {
            checks.append(
                Check(
                    "credentials", .failed, Self.text(error),
                    advice:
                        "give the instance a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"))
        }
        await services.http.shutdown()
        return checks
    }

    /// The owner's numbers against what the services say.
    private static func check(_ finding: Provisioning.Finding) -> Check {
        switch finding.verdict {
        case .right, .changed: Check(finding.name, .ok, finding.found)
        case .unsupported: Check(finding.name, .warning, finding.found)
        case .differs:
            Check(finding.name, .failed, "\(finding.found), wanted: \(finding.wanted)", advice: "anb provision")
        case .failed:
            Check(
                finding.name, .warning, finding.found,
                advice: "this identity may not look at it: run anb doctor with the policy deploy/iam/operator.json")
        }
    }

    private static func text(_ error: AWSCredentialError) -> String {
        switch error {
        case .absent(let source): "none found; looked at \(source)"
        case .broken(let source, let reason): "\(source): \(reason)"
        }
    }

    /// Writes, reads and deletes one small object below `temp/`, which the bucket's lifecycle would remove, too.
    private func bucket(_ services: AWSServices) async -> [Check] {
        guard let store = services.store else { return [] }
        let name = "bucket \(configuration.text("storage.bucket"))"
        let id: NodeID = IdentifierSource(random: SystemRandomSource()).make()
        let key = ObjectKey("\(ObjectPrefix.temp.rawValue)doctor-\(id)")
        let path = "\(configuration.dataDir)/doctor-\(id)"
        defer {
            unlink(path)
            unlink(path + ".back")
        }
        func check(_ permission: String, _ body: () async throws -> Void) async -> Check {
            do {
                try await body()
                return Check(name, .ok, "\(permission) works")
            } catch {
                return Check(
                    name, .failed, "\(permission): \(error)",
                    advice: "the policies of deploy/iam name what each role needs; anb provision makes the bucket")
            }
        }
        return [
            await check("s3:ListBucket") { _ = try await store.list(.temp, after: nil, limit: 1) },
            await check("s3:PutObject") {
                try Data("anb doctor".utf8).write(to: URL(filePath: path))
                try await store.put(LocalFile(path), at: key, contentType: "text/plain")
            },
            await check("s3:GetObject") { try await store.fetch(key, into: LocalFile(path + ".back")) },
            await check("s3:DeleteObject") { try await store.delete([key]) },
        ]
    }

    private func queues(_ services: AWSServices) async -> [Check] {
        var checks: [Check] = []
        for (setting, queue) in [("queue.name", services.jobs), ("queue.deadLetterName", services.deadLetters)] {
            guard let queue else { continue }
            let name = "queue \(configuration.text(setting))"
            do throws(JobQueueError) {
                let depth = try await queue.depth()
                checks.append(Check(name, .ok, "\(depth.visible) to be received, \(depth.inFlight) in flight"))
            } catch {
                checks.append(
                    Check(
                        name, .failed, "sqs:GetQueueAttributes: \(error)",
                        advice: "anb provision makes the queues; the policies of deploy/iam name what each role needs"))
            }
        }
        return checks
    }
}
