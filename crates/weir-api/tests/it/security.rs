//! Who may ask, and by which way.

use serde_json::json;
use weir_api::ApiAuth;

use crate::client::Weir;

const TOKEN: &str = "correct-horse-battery";

#[tokio::test]
async fn with_a_token_everything_but_probes_pages_and_login_needs_it() {
    let weir = Weir::start_with_token(TOKEN).await;
    for path in ["/api/status", "/api/spans", "/api/keys", "/api/metrics", "/metrics", "/api/query?expr=x"] {
        let reply = weir.get(path).await;
        reply.refused(401, "unauthorized");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"weir\""), "{path}");
        let reply = weir.call("GET", path).header("authorization", "Bearer wrong").send().await;
        reply.refused(401, "unauthorized");
    }
    weir.post("/api/keys", &json!({"name": "x"})).await.refused(401, "unauthorized");
    weir.post("/api/sql", &json!({"sql": "SELECT 1"})).await.refused(401, "unauthorized");
    for path in ["/healthz", "/", "/api/openapi.json", "/api/session"] {
        assert_eq!(weir.get(path).await.status, 200, "{path}");
    }
    let header = format!("Bearer {TOKEN}");
    assert_eq!(weir.call("GET", "/api/status").header("authorization", &header).send().await.status, 200);
}

#[tokio::test]
async fn a_browser_logs_in_and_out_with_a_cookie_that_scripts_cannot_read() {
    let weir = Weir::start_with_token(TOKEN).await;
    assert_eq!(
        weir.get("/api/session").await.json(),
        json!({"login_required": true, "authenticated": false})
    );
    weir.post("/api/session", &json!({"token": "wrong"})).await.refused(401, "unauthorized");

    let reply = weir.post("/api/session", &json!({"token": TOKEN})).await;
    assert_eq!(reply.status, 204);
    let set_cookie = reply.header("set-cookie").unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(set_cookie.contains(attribute), "{set_cookie}");
    }
    assert!(!set_cookie.contains("Secure") && !set_cookie.contains(TOKEN), "{set_cookie}");

    let cookie = set_cookie.split(';').next().unwrap();
    let with_cookie = |method, path| weir.call(method, path).header("cookie", cookie);
    assert_eq!(with_cookie("GET", "/api/status").send().await.status, 200);
    assert_eq!(with_cookie("GET", "/api/session").send().await.json()["authenticated"], json!(true));
    let out = with_cookie("DELETE", "/api/session").send().await;
    assert!(out.header("set-cookie").unwrap().starts_with("weir_session=; Path=/; Max-Age=0"));
}

#[tokio::test]
async fn behind_tls_the_cookie_stays_on_tls() {
    let weir = Weir::start_with_token(TOKEN).await;
    let call = weir.call("POST", "/api/session").header("x-forwarded-proto", "https");
    let reply = call.json(&json!({"token": TOKEN})).send().await;
    assert!(reply.header("set-cookie").unwrap().ends_with("; Secure"));
}

#[tokio::test]
async fn a_name_that_an_attacker_points_at_loopback_is_refused() {
    let weir = Weir::start().await;
    for host in ["evil.example", "evil.example:7070", "localhost.evil.example", ""] {
        for path in ["/api/status", "/", "/metrics", "/api/session"] {
            let reply = weir.call("GET", path).header("host", host).send().await;
            reply.refused(403, "forbidden");
        }
    }
    let probe = weir.call("GET", "/healthz").header("host", "10.0.0.7:7070").send().await;
    assert_eq!(probe.status, 200, "probes call by address");
    for host in ["localhost:7070", "127.0.0.1", "[::1]:7070"] {
        assert_eq!(weir.call("GET", "/api/session").header("host", host).send().await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn without_a_list_of_names_every_name_is_accepted() {
    let weir = Weir::start_with(ApiAuth::default()).await;
    let reply = weir.call("GET", "/api/session").header("host", "weir.example").send().await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn other_sites_cannot_send_requests_with_effects() {
    let weir = Weir::start().await;
    let ours = format!("http://{}", weir.addr);
    for (headers, allowed) in [
        (vec![("origin", "http://evil.example")], false),
        (vec![("origin", "http://127.0.0.1:1")], false),
        (vec![("origin", "null")], false),
        (vec![("sec-fetch-site", "cross-site")], false),
        (vec![("sec-fetch-site", "same-site")], false),
        (vec![("origin", ours.as_str()), ("sec-fetch-site", "same-origin")], true),
        (vec![("sec-fetch-site", "none")], true),
        (vec![], true),
    ] {
        let mut call = weir.call("POST", "/api/keys");
        for (name, value) in &headers {
            call = call.header(name, value);
        }
        let reply = call.json(&json!({"name": "ci"})).send().await;
        if allowed {
            assert_eq!(reply.status, 201, "{headers:?}");
        } else {
            reply.refused(403, "forbidden");
        }
    }
    let made = weir.get("/api/keys").await.json();
    assert_eq!(made["keys"].as_array().unwrap().len(), 3, "refused requests had no effect");
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_the_page() {
    let weir = Weir::start().await;
    for path in ["/", "/api/status", "/api/nowhere", "/healthz", "/missing.js"] {
        let reply = weir.get(path).await;
        let policy = reply.header("content-security-policy").unwrap();
        assert!(
            policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), None, "{path}");
    }
}

#[tokio::test]
async fn answers_with_data_are_not_kept_by_caches() {
    let weir = Weir::start().await;
    for path in ["/api/status", "/api/spans", "/api/keys", "/healthz"] {
        assert_eq!(weir.get(path).await.header("cache-control"), Some("no-store"), "{path}");
    }
}
